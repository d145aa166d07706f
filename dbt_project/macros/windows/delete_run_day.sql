{#-
    Clears the run's day of an incremental model before it is written; the pre-hook of every model.
    `delete+insert` deletes only the days that the new rows name, so a day that has no rows any more (a file
    was corrected, a campaign is gone) would keep its old ones.
-#}
{% macro delete_run_day() -%}
    {%- if model.config.materialized == 'incremental' and is_incremental() -%}
    delete from {{ this }} where {{ model.config.unique_key }} = {{ run_date() }}
    {%- endif -%}
{%- endmacro %}
