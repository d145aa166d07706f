-- What differs from the day before.
select
    coalesce((
        select sum(accepted_count) from marts.rpt_ingestion where delivered_date = :as_of_date
    ), 0) - coalesce((
        select sum(accepted_count) from marts.rpt_ingestion where delivered_date = :day_before
    ), 0) as accepted_change_count,
    (select count(*) from marts.rpt_ingestion where delivered_date = :day_before) as before_count,
    (
        select count(*) from (
            select distinct signal_code, signal_version from marts.fct_account_signals
            where as_of_date = :as_of_date
            except
            select distinct signal_code, signal_version from marts.fct_account_signals
            where as_of_date = :day_before
        )
    ) as new_signal_count,
    (
        select count(*) from (
            select distinct source_id, kind from marts.rpt_ingestion where delivered_date = :as_of_date
            except
            select distinct source_id, kind from marts.rpt_ingestion where delivered_date = :day_before
        )
    ) as new_source_count
