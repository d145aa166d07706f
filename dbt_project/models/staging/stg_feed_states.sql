with

landed as (

    select * from {{ source('raw', 'feed_states') }}

)

select * from landed
