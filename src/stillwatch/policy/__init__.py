"""Reference tables that people keep: releases, exemptions, ownership, policy, decisions."""
