-- Question: What did the indicators that came in later find in the past, and what was searched without a find?
-- Reader: network and threat-intelligence analysts.
-- How to read it: one row per day, feed and kind with something to search for. A day that is missing was not
-- searched. The older the activity, the less an address that is listed today says about it: age_days and
-- is_in_validity of fct_indicator_matches tell, row by row.
select
    hunt_date,
    feed_id,
    indicator_type,
    indicator_count,
    searched_from,
    searched_until,
    missing_day_count,
    use_count,
    match_count,
    known_match_count,
    account_count,
    first_activity_date,
    last_activity_date

from marts.fct_retro_hunts
where indicator_count > 0
order by hunt_date desc, match_count desc, feed_id, indicator_type
