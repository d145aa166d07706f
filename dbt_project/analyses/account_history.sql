-- Question: What has the most suspected account done, day by day? (Replace the inner select with the
-- `account_key` you ask about.)
-- Reader: the enforcement team and whoever answers an appeal.
-- How to read it: one row per UTC day with activity. `top_template_ratio` is the share of the day's
-- exchanges that follow the account's most used template; 24 active hours are no human's day.
-- An empty cell is unknown: no exchange of that day was delivered with the field.
select
    d.activity_date,
    d.exchange_count,
    d.ok_count,
    d.refused_count,
    d.rate_limited_count,
    d.blocked_count,
    d.input_tokens,
    d.output_tokens,
    d.active_hour_count,
    d.distinct_ip_count,
    d.top_template_ratio

from marts.fct_account_days as d
where d.account_key = (
    select s.account_key
    from marts.fct_account_scores as s
    order by s.as_of_date desc, s.suspicion_probability desc, s.account_key
    limit 1
)
order by d.activity_date
