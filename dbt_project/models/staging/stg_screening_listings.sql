with

landed as (

    select * from {{ source('raw', 'screening_listings') }}

)

select * from landed
