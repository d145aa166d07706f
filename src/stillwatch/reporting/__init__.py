"""From the published snapshot to reviewed PDF documents: facts, charts, rendering, release."""
