{#-
    Clears the run's day before it is written. `delete+insert` deletes only days that the new rows name, so
    a day that has no rows any more would keep its old ones. For use as a pre-hook of incremental models.
-#}
{% macro delete_run_day(column) -%}
    {%- if is_incremental() -%}
    delete from {{ this }} where {{ column }} = {{ run_date() }}
    {%- endif -%}
{%- endmacro %}
