with

windows as (

    select * from {{ ref('int_account_windows') }}

),

labelled as (

    select
        *,
        {% set named = [] -%}
        {% for code in capability_codes() if code != 'general' -%}{% do named.append('capability_' ~ code ~ '_count') %}{% endfor -%}
        greatest({{ named | join(', ') }}) as top_capability_count,
        {{ named | join(' + ') }} + capability_general_count as labelled_count

    from windows

)

{{ signal_rows('labelled', 'focus__one_capability', 'focus',
    "round(top_capability_count * 1.0 / labelled_count, 4)",
    'labelled_count') }}
