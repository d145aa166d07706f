with

landed as (

    select * from {{ source('raw', 'address_ranges') }}

)

select * from landed
