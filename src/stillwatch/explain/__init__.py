"""Why a campaign or an account is suspected, and what speaks against it, from the snapshot.

`campaigns` and `accounts` read the published marts, `rules` the seeds and vars of the dbt project,
`print_campaign` and `print_account` show the result to a person.
"""
