with

landed as (

    select * from {{ source('raw', 'indicators') }}

)

select * from landed
