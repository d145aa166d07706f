with

signals as (

    select * from {{ ref('sig_arbitrage__another_model_after_refusal') }}
    union all
    select * from {{ ref('sig_cost__usage_above_plan') }}
    union all
    select * from {{ ref('sig_failover__after_a_block') }}
    union all
    select * from {{ ref('sig_focus__one_capability') }}
    union all
    select * from {{ ref('sig_focus__one_template_many_fills') }}
    union all
    select * from {{ ref('sig_grader__rubric_prompts') }}
    union all
    select * from {{ ref('sig_identity__client_mismatch') }}
    union all
    select * from {{ ref('sig_identity__client_stripped') }}
    union all
    select * from {{ ref('sig_identity__one_payer_many_names') }}
    union all
    select * from {{ ref('sig_identity__throwaway_contact') }}
    union all
    select * from {{ ref('sig_identity__virtual_payment') }}
    union all
    select * from {{ ref('sig_network__hidden_exits') }}
    union all
    select * from {{ ref('sig_network__impossible_travel') }}
    union all
    select * from {{ ref('sig_network__many_networks') }}
    union all
    select * from {{ ref('sig_pivot__within_a_day') }}
    union all
    select * from {{ ref('sig_probing__safeguards') }}
    union all
    select * from {{ ref('sig_reasoning__elicitation') }}
    union all
    select * from {{ ref('sig_replay__foreign_artifacts') }}
    union all
    select * from {{ ref('sig_rewriting__trace_or_bulk') }}
    union all
    select * from {{ ref('sig_sampling__output_at_cap') }}
    union all
    select * from {{ ref('sig_sampling__parameter_grid') }}
    union all
    select * from {{ ref('sig_sampling__reasoning_heavy') }}
    union all
    select * from {{ ref('sig_search__variants_then_scale') }}
    union all
    select * from {{ ref('sig_tenure__straight_to_maximum') }}
    union all
    select * from {{ ref('sig_timing__regular_gaps') }}
    union all
    select * from {{ ref('sig_timing__round_the_clock') }}

),

reference as (

    select * from {{ ref('int_reference_accounts') }}

),

marked as (

    select
        s.*,
        case when r.is_baseline then 1 else 0 end as is_reference

    from signals as s
    left join reference as r on s.account_key = r.account_key
    where s.family <> '{{ var('left_out_family') }}'

),

ranked as (

    -- The default frame of an ordered window is by value, so ties count as at least as large.
    select
        *,
        sum(is_reference) over (partition by signal_code) as reference_count,
        sum(is_reference) over (partition by signal_code order by observed_value desc) as reference_above_count,
        sum(is_reference) over (partition by signal_code, stratum) as stratum_count,
        sum(is_reference) over (partition by signal_code, stratum order by observed_value desc) as stratum_above_count,
        sum(case when is_reference = 1 then cast(observed_value as decimal(18, 4)) end)
            over (partition by signal_code, stratum) as stratum_value_sum,
        sum(case when is_reference = 1 then cast(observed_value as decimal(18, 4)) end)
            over (partition by signal_code) as reference_value_sum

    from marked

),

tails as (

    -- Conformal tail probability in the stratum; a small stratum shrinks to the whole reference population.
    select
        *,
        (1.0 + stratum_above_count + {{ var('cohort_prior_weight') }} * (1.0 + reference_above_count) / (1.0 + reference_count))
            / (1.0 + stratum_count + {{ var('cohort_prior_weight') }}) as tail_probability

    from ranked
    where reference_count > 0

)

select
    account_key,
    signal_code,
    family,
    stratum,
    exposure_count,
    observed_value,
    cast(round(coalesce(stratum_value_sum / nullif(stratum_count, 0), reference_value_sum / reference_count), 4) as double) as baseline_value,
    cast(case when stratum_count > 0 then stratum_count else reference_count end as bigint) as base_population,
    {{ as_ratio('tail_probability') }} as tail_probability,
    {{ as_bits("least(" ~ var('signal_bits_cap') ~ ", " ~ log2_of(
        var('evidence_epsilon') ~ " + (1 - " ~ var('evidence_epsilon') ~ ") * " ~ var('evidence_kappa')
        ~ " * power(least(tail_probability, 1.0), " ~ var('evidence_kappa') ~ " - 1)") ~ ")") }} as bits,
    tail_probability <= {{ var('hot_tail_probability') }} as is_hot

from tails
