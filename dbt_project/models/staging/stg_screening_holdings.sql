with

landed as (

    select * from {{ source('raw', 'screening_holdings') }}

)

select * from landed
