with

landed as (

    select * from {{ source('raw', 'screening_rules') }}

)

select * from landed
