with

ingestion as (

    select * from {{ ref('stg_ingestion') }}

)

select
    source_id,
    kind,
    delivered_date,
    file_count,
    byte_count,
    read_count,
    accepted_count,
    duplicate_count,
    quarantined_count,
    quarantined_by_reason,
    duplicate_file_count,
    refused_file_count,
    delivery_state

from ingestion
