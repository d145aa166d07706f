with

landed as (

    select * from {{ source('raw', 'suspected_accounts') }}

)

select * from landed
