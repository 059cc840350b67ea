"""Every topic of the calculator, and the forms in which it may be asked.

To add a topic, write a function of keywords and a line here. The first form that fits the inputs is
taken where neither `method` nor the case's own words say otherwise.
"""

from pipelines.solve import (
    demands,
    fill_rates,
    lots,
    networks,
    order_up_to,
    reorder_lots,
    safety_stocks,
    series,
    shelves,
    unreliable,
)
from pipelines.solve.demands import BY_MEAN, CONTINUOUS, DEMAND_NAMES, PERIODS, WHOLE, of_family
from pipelines.solve.forms import Form

UNIT_LOSS = Form(demands.unit_normal_losses, ("unit normal", "standard normal"))
LOSSES = [of_family(family, demands.losses) for family in [*CONTINUOUS, *WHOLE, BY_MEAN]]
WHOLE_LOSSES = [of_family(family, demands.losses) for family in [*WHOLE, *CONTINUOUS, BY_MEAN]]
PERIOD_STOCKS = [of_family(f, demands.single_period, names=DEMAND_NAMES) for f in PERIODS]
WHOLE_STOCKS = [of_family(f, demands.single_period, names=DEMAND_NAMES) for f in WHOLE]
CONTINUOUS_STOCKS = [
    of_family(f, demands.single_period, names=DEMAND_NAMES) for f in [*CONTINUOUS, BY_MEAN]
]
SEASONS = [
    of_family(family, demands.season, names=DEMAND_NAMES)
    for family in [*PERIODS, *CONTINUOUS, *WHOLE, BY_MEAN]
]

TOPICS: dict[str, list[Form]] = {
    "eoq": [
        Form(lots.economic),
        Form(lots.economic_by_rate),
        Form(lots.economic_per_year),
    ],
    "eoq_quantity_discount": [
        Form(lots.all_units_discount, ("all units", "all unit")),
        Form(lots.incremental_discount, ("incremental",)),
    ],
    "eoq_backorders": [Form(lots.with_backorders)],
    "eoq_power_of_two": [Form(lots.power_of_two_weeks), Form(lots.power_of_two)],
    "epq": [Form(lots.production)],
    "joint_replenishment": [Form(lots.joint)],
    "dynamic_lot_sizing": [Form(lots.dynamic)],
    "supply_uncertainty": [
        Form(unreliable.with_disruptions, ("exact",)),
        Form(unreliable.with_disruptions_approximate, ("approx", "approximate", "approximation")),
        Form(unreliable.with_share_received, ("multiplicative",)),
        Form(unreliable.with_units_added, ("additive",)),
        Form(unreliable.target_with_disruptions),
        Form(unreliable.target_with_units_added, ("additive",)),
    ],
    "newsvendor": [*PERIOD_STOCKS, *CONTINUOUS_STOCKS, *WHOLE_STOCKS],
    "newsvendor_nonnormal": [*CONTINUOUS_STOCKS, *WHOLE_STOCKS, *PERIOD_STOCKS],
    "newsvendor_discrete": [*WHOLE_STOCKS, *PERIOD_STOCKS, *CONTINUOUS_STOCKS],
    "newsvendor_profit": [
        *SEASONS,
        Form(demands.normal_season),
        Form(demands.poisson_season),
    ],
    "loss_function": [UNIT_LOSS, *LOSSES],
    "loss_function_intermittent": [*WHOLE_LOSSES, UNIT_LOSS],
    "periodic_review_R_S": [
        *PERIOD_STOCKS,
        Form(order_up_to.order_up_to_for_service),
    ],
    "s_Q": [
        Form(reorder_lots.best_lot, ("exact", "optimal")),
        Form(reorder_lots.by_backorder_lot, ("eoqb",)),
        Form(reorder_lots.by_economic_lot, ("eoqss", "eoq ss")),
        Form(reorder_lots.by_loss_function, ("loss function", "loss fn", "loss")),
        Form(reorder_lots.by_expected_inventory, ("eil", "expected inventory level")),
        Form(reorder_lots.reorder_point_for_lot),
        Form(reorder_lots.lot_cost, ("cost",)),
        Form(reorder_lots.reorder_point_for_service),
    ],
    "s_S": [
        Form(order_up_to.order_up_to_poisson, ("poisson", "exact")),
        Form(order_up_to.order_up_to_approximate, ("power", "approximation")),
        Form(order_up_to.order_up_to_negative_binomial, ("negative binomial", "exact")),
        Form(order_up_to.order_up_to_pmf, ("pmf", "custom", "exact")),
        Form(order_up_to.order_up_to_cost, ("poisson", "cost")),
        Form(order_up_to.order_up_to_cost_short, ("poisson", "cost")),
    ],
    "safety_stock_demand_and_lead_time": [
        Form(safety_stocks.safety_stock_both_vary),
        Form(safety_stocks.safety_stock_daily),
        Form(safety_stocks.safety_stock_weeks),
        Form(safety_stocks.lead_time_spread),
        Form(safety_stocks.logistics_cost),
    ],
    "safety_stock_rop": [
        Form(safety_stocks.reorder_point_given),
        Form(safety_stocks.reorder_point_days),
        Form(safety_stocks.reorder_point_extremes),
        Form(safety_stocks.reorder_point_daily_service),
    ],
    "fill_rate_type2": [
        Form(fill_rates.fill_rate_of_point),
        Form(fill_rates.fill_rate_of_stock),
        Form(fill_rates.fill_rate_of_cycle_service),
        Form(fill_rates.stock_for_fill_rate),
        Form(fill_rates.measures_of_cycle_service),
        Form(fill_rates.measures_of_fill_rate),
        Form(fill_rates.measures_of_weekly_cycle_service),
        Form(fill_rates.measures_of_cost_per_unit_short),
        Form(fill_rates.measures_of_cost_per_stockout),
    ],
    "multi_echelon_guaranteed_service": [
        Form(networks.guaranteed_tree, ("tree",)),
        Form(networks.guaranteed_serial, ("serial",)),
    ],
    "multi_echelon_stochastic_service": [
        Form(networks.series_optimal, ("exact", "optimal")),
        Form(networks.series_heuristic, ("heuristic", "shang song", "newsvendor heuristic")),
    ],
    "transfers_lp": [Form(networks.network_flow), Form(networks.transport)],
    "min_max_case_pack": [Form(shelves.min_max), Form(shelves.rounded)],
    "markdown_clearance": [Form(shelves.clearance)],
    "intermittent": [
        Form(series.croston, ("croston", "croston classic", "crostonclassic")),
        Form(series.sba, ("sba", "croston sba", "crostonsba", "sba croston", "syntetos boylan")),
        Form(series.tsb, ("tsb",)),
        Form(series.adida, ("adida",)),
        Form(series.imapa, ("imapa",)),
        Form(
            series.croston_fitted,
            ("croston optimized", "crostonoptimized", "croston optimised", "fitted"),
        ),
    ],
    "demand_classification": [Form(series.classified)],
}
