{#-
    Rows that share their key: each is an offending row. `newest_by` names a column of an incremental model;
    only its newest value is looked at, because older rows were tested when they were built.
-#}
{% test unique_combination(model, columns, newest_by=none) %}
    select {{ columns | join(', ') }}
    from {{ model }}
    {% if newest_by -%}
    where {{ newest_by }} = (select max({{ newest_by }}) from {{ model }})
    {%- endif %}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
