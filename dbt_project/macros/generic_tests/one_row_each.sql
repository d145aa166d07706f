{#- Values of a key column that are missing or there more than once: each is an offending row. -#}
{% test one_row_each(model, column_name) %}
    select {{ column_name }}
    from {{ model }}
    group by {{ column_name }}
    having count(*) > 1 or {{ column_name }} is null
{% endtest %}
