with

windows as (

    select * from {{ ref('int_account_windows') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

)

select windows.account_key
from windows
inner join accounts on windows.account_key = accounts.account_key
where accounts.is_established
