-- Model releases in the charted period, on any platform.
select model, min(cast(released_at as date)) as released_date
from marts.dim_model_releases
where released_at >= cast(:chart_from as timestamp) and released_at < cast(:as_of_date as timestamp) + interval 1 day
group by model
order by released_date, model
