with

landed as (

    select * from {{ source('raw', 'entities') }}

)

select * from landed
