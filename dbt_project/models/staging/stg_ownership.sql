with

landed as (

    select * from {{ source('raw', 'ownership') }}

)

select * from landed
