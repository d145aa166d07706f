with

landed as (

    select * from {{ source('raw', 'policy_facts') }}

)

select * from landed
