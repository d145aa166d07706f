with

landed as (

    select * from {{ source('raw', 'screening_matches') }}

)

select * from landed
