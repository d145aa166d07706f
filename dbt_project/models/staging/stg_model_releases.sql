with

landed as (

    select * from {{ source('raw', 'model_releases') }}

)

select * from landed
