with

landed as (

    select * from {{ source('raw', 'past_indicators') }}

)

select * from landed
