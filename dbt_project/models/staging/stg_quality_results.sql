with

landed as (

    select * from {{ source('raw', 'quality_results') }}

)

select * from landed
