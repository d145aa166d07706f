with

landed as (

    select * from {{ source('raw', 'feed_days') }}

)

select * from landed
