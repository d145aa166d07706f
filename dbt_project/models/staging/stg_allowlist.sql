with

landed as (

    select * from {{ source('raw', 'allowlist') }}

)

select * from landed
