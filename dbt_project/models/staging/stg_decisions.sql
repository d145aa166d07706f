with

landed as (

    select * from {{ source('raw', 'decisions') }}

)

select * from landed
