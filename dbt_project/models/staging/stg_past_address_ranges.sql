with

landed as (

    select * from {{ source('raw', 'past_address_ranges') }}

)

select * from landed
