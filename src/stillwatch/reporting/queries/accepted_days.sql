-- Accepted rows of usage logs by source and day over the last ninety days.
-- key: source_id, delivered_date
select source_id, delivered_date, sum(accepted_count) as accepted_count
from marts.rpt_ingestion
where kind = 'usage' and delivered_date >= :chart_from and delivered_date <= :as_of_date
group by source_id, delivered_date
order by sum(sum(accepted_count)) over (partition by source_id) desc, source_id, delivered_date
