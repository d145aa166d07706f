with

landed as (

    select * from {{ source('raw', 'reports') }}

)

select * from landed
