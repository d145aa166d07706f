"""The shape of the marts, as small as the tests need it."""

MARTS_DDL = """
create schema marts;
create table marts.dim_accounts (account_key varchar, platform varchar, account_id varchar,
    status varchar, created_at timestamptz, is_allowlisted boolean, allowlist_reason varchar,
    first_seen_at timestamptz, last_seen_at timestamptz);
create table marts.fct_account_days (account_key varchar, activity_date date,
    exchange_count bigint, ok_count bigint, refused_count bigint, rate_limited_count bigint,
    blocked_count bigint, error_count bigint, input_tokens bigint, output_tokens bigint,
    reasoning_tokens bigint, active_hour_count int, distinct_ip_count int,
    distinct_user_agent_count int, top_template_ratio double, capability_general_ratio double);
create table marts.fct_account_signals (account_key varchar, as_of_date date, signal_code varchar,
    signal_version int, family varchar, observed_value double, baseline_value double,
    base_population bigint, tail_probability double, log10_likelihood_ratio decimal(9,4));
create table marts.fct_account_scores (account_key varchar, as_of_date date,
    suspicion_probability double, own_log10_odds double, cluster_log10_odds double,
    campaign_id varchar);
create table marts.fct_account_links (as_of_date date, account_key varchar, linked_key varchar,
    link_type varchar, log10_likelihood_ratio double, evidence varchar);
create table marts.bridge_cluster_accounts (as_of_date date, cluster_id varchar,
    account_key varchar, membership_probability double);
create table marts.dim_campaigns (campaign_id varchar, status varchar, first_seen_at timestamptz,
    last_seen_at timestamptz, account_count bigint, active_account_count bigint,
    exchange_count bigint, attempted_count bigint, total_tokens bigint,
    campaign_probability double, likelihood_term varchar, confidence_level varchar,
    extraction_ratio double, extraction_ratio_low double, extraction_ratio_high double,
    independent_family_count int);
create table marts.fct_campaign_days (campaign_id varchar, as_of_date date, status varchar,
    account_count bigint, active_account_count bigint, new_account_count bigint,
    lost_account_count bigint, exchange_count bigint, attempted_count bigint, total_tokens bigint,
    day_exchange_count bigint, day_attempted_count bigint, day_account_count bigint,
    campaign_probability double, likelihood_term varchar, confidence_level varchar,
    extraction_ratio double, extraction_ratio_low double, extraction_ratio_high double,
    exchanges_since_first_flag bigint);
create table marts.fct_campaign_activity_days (campaign_id varchar, activity_date date,
    platform varchar, capability_code varchar, exchange_count bigint, attempted_count bigint,
    extraction_exchange_count bigint, total_tokens bigint);
create table marts.bridge_campaign_accounts (campaign_id varchar, account_key varchar,
    membership_probability double, role varchar, is_banned boolean);
create table marts.fct_campaign_evidence (campaign_id varchar, as_of_date date,
    evidence_id varchar, signal_code varchar, family varchar, statement varchar,
    base_population bigint, log10_likelihood_ratio double, benign_explanation varchar);
create table marts.fct_campaign_coverage (campaign_id varchar, as_of_date date,
    indicator_code varchar, result varchar, measured_count bigint, shown_count bigint,
    shown_ratio double, established_ratio double, benign_cause varchar);
create table marts.fct_campaign_comparisons (campaign_id varchar, as_of_date date, family varchar,
    group_id varchar, cleared_group_id varchar, cleared_because varchar);
create table marts.fct_campaign_joins (campaign_id varchar, as_of_date date,
    account_key varchar, other_account_key varchar, account_count bigint,
    other_account_count bigint, shared_exit_count bigint, neighbour_count bigint,
    other_neighbour_count bigint, shared_registration_count bigint);
create table marts.fct_campaign_lineage (event_at timestamptz, as_of_date date, event varchar,
    campaign_id varchar, related_campaign_id varchar, overlap double);
create table marts.fct_campaign_hypotheses (campaign_id varchar, organization_id varchar,
    as_of_date date, likelihood_term varchar, confidence_level varchar);
create table marts.dim_indicators (indicator_key varchar, feed_id varchar, indicator_type varchar,
    confidence smallint, valid_from timestamptz, valid_until timestamptz,
    source_reliability varchar, information_credibility varchar, marking varchar,
    permitted_use varchar, licence varchar);
create table marts.fct_indicator_matches (account_key varchar, activity_date date,
    delivered_date date, matched_date date, indicator_key varchar, feed_id varchar, label varchar,
    match_kind varchar, age_days bigint, exchange_count bigint);
create table marts.fct_retro_hunts (hunt_date date, feed_id varchar, indicator_type varchar,
    indicators_digest varchar, searched_from date, searched_until date, held_day_count bigint,
    missing_day_count bigint, known_match_count bigint, match_count bigint);
create table marts.fct_screening (entity_id varchar, as_of_date date,
    owned_percent_by_listed double, result varchar);
create table marts.dim_model_releases (model varchar, platform varchar, released_at timestamptz,
    announced_at timestamptz);
"""
