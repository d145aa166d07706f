with

releases as (

    select * from {{ ref('stg_model_releases') }}

)

select
    model,
    platform,
    released_at,
    announced_at,
    is_public

from releases
