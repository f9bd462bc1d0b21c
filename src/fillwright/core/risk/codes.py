"""The denial codes, in the order in which the checks run: cheap and permanent reasons first.

Every check of an entry runs and is recorded; the first that fails is the code. ``docs/DENIALS.md`` is generated from
``describe``. Denials are ours; what the venue refuses is a rejection.
"""

from __future__ import annotations

from enum import StrEnum, unique


@unique
class DenialCode(StrEnum):
    """Why an entry or a manual order was denied; each knows its meaning, the settings behind it and a remedy."""

    meaning: str
    setting: str
    remedy: str

    def __new__(cls, value: str, meaning: str, setting: str, remedy: str) -> DenialCode:
        """Make a code that is its own text."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.meaning, code.setting, code.remedy = meaning, setting, remedy
        return code

    # -- the account and the symbol --------------------------------------------------------------------------

    HALTED = (
        "HALTED",
        "Entries are halted until somebody resumes them (emergency stop, drawdown, ban, anomaly).",
        "",
        "Look at the cause, put it right, then resume with a reason.",
    )
    PAUSED = (
        "PAUSED",
        "An operator paused entries for a while, or the service is shutting down.",
        "",
        "Wait until the pause ends, or resume.",
    )
    MODE_DISABLED = ("MODE_DISABLED", "Trading is switched off for this account.", "enabled", "Enable it.")
    SYMBOL_NOT_ALLOWED = (
        "SYMBOL_NOT_ALLOWED",
        "The symbol is unknown, not on the account's list, not for Spot, or not quoted in its quote asset.",
        "symbols, quote_asset",
        "Add the symbol to the list, or send signals for symbols of the account's quote asset.",
    )
    SYMBOL_NOT_TRADING = (
        "SYMBOL_NOT_TRADING",
        "The venue does not trade the symbol now (HALT, BREAK, CANCEL_ONLY, END_OF_DAY).",
        "",
        "Wait until its status is TRADING again.",
    )

    # -- the signal ------------------------------------------------------------------------------------------

    SHORT_NOT_SUPPORTED = (
        "SHORT_NOT_SUPPORTED",
        "Spot is long only.",
        "",
        "Send long signals; to leave a position, close it.",
    )
    DUPLICATE_SIGNAL = (
        "DUPLICATE_SIGNAL",
        "Another signal of the trader for this symbol, side and candle came before.",
        "candle_interval",
        "Send one signal per candle; repeat a delivery with the same idempotency key.",
    )
    SIGNAL_STALE = (
        "SIGNAL_STALE",
        "The signal is too old, past its expiry, or more than a second ahead of our clock.",
        "signal_age_max_s",
        "Deliver signals sooner, check the sender's clock, or allow a greater age.",
    )
    CONFIDENCE_TOO_LOW = (
        "CONFIDENCE_TOO_LOW",
        "The signal's confidence is below the least one that may trade.",
        "min_confidence",
        "Send surer signals, or lower the limit.",
    )
    STOP_LOSS_REQUIRED = (
        "STOP_LOSS_REQUIRED",
        "The signal has no stop loss.",
        "require_stop_loss",
        "Give every signal a stop loss.",
    )
    STOP_LOSS_WRONG_SIDE = (
        "STOP_LOSS_WRONG_SIDE",
        "The stop loss is on the winning side of the entry.",
        "",
        "Long: a stop below the entry price; short: above it.",
    )
    STOP_LOSS_TOO_FAR = (
        "STOP_LOSS_TOO_FAR",
        "The stop loss is further from the entry than allowed (percent of the entry price).",
        "max_stop_loss_percent",
        "Set a nearer stop, or allow a wider one.",
    )
    TAKE_PROFIT_WRONG_SIDE = (
        "TAKE_PROFIT_WRONG_SIDE",
        "The take profit is on the losing side of the entry.",
        "",
        "Long: a target above the entry price; short: below it.",
    )

    # -- the market ------------------------------------------------------------------------------------------

    QUOTE_STALE = (
        "QUOTE_STALE",
        "There is no quote, or it is too old (seconds).",
        "quote_age_max_s",
        "Look whether the market data stream is alive.",
    )
    SPREAD_TOO_WIDE = (
        "SPREAD_TOO_WIDE",
        "Bid and ask are too far apart (percent of the mid price).",
        "max_spread_percent",
        "Wait for a calmer market, or trade more liquid symbols.",
    )
    PRICE_DEVIATION = (
        "PRICE_DEVIATION",
        "The limit price is too far from the market (percent of the mid price).",
        "max_price_deviation_percent",
        "Set a limit price nearer to the market.",
    )

    # -- losses, rates and positions -------------------------------------------------------------------------

    CIRCUIT_OPEN = (
        "CIRCUIT_OPEN",
        "The circuit breaker is open after repeated venue errors or identical rejections.",
        "circuit_breaker_errors, identical_rejects_max, circuit_breaker_cooldown_secs",
        "It closes by itself after a successful probe; look at the last error.",
    )
    COOLDOWN_LOSSES = (
        "COOLDOWN_LOSSES",
        "Too many losses in a row: entries rest for a while (seconds left).",
        "max_consecutive_losses, cooldown_minutes",
        "Wait until the cool-down ends.",
    )
    DAILY_LOSS = (
        "DAILY_LOSS",
        "The day's loss, unrealised included, has reached its limit (the tighter of amount and percent).",
        "max_daily_loss_usdt, max_daily_loss_percent, day_start_hour_utc",
        "Wait for the next trading day.",
    )
    DRAWDOWN_MAX = (
        "DRAWDOWN_MAX",
        "Equity has fallen too far below its peak (percent).",
        "max_drawdown_percent",
        "Find out why, then resume: the next drawdown counts from there.",
    )
    DAILY_TRADES_MAX = (
        "DAILY_TRADES_MAX",
        "The day's number of trades is used up.",
        "max_daily_trades",
        "Wait for the next trading day, or allow more.",
    )
    ORDER_RATE = (
        "ORDER_RATE",
        "Entries follow each other too quickly (seconds since the last one, or entries within ten seconds).",
        "min_order_interval_seconds, max_orders_per_10s",
        "Send signals less often.",
    )
    SYMBOL_IN_DOUBT = (
        "SYMBOL_IN_DOUBT",
        "An order of the symbol is in doubt: its outcome at the venue is not known yet.",
        "",
        "Wait until it is found or proven absent.",
    )
    POSITIONS_MAX = (
        "POSITIONS_MAX",
        "The account would have too many positions.",
        "max_positions",
        "Close a position, or allow more.",
    )
    POSITIONS_PER_SYMBOL_MAX = (
        "POSITIONS_PER_SYMBOL_MAX",
        "The account would have too many positions in the symbol.",
        "max_positions_per_symbol",
        "Close the position in the symbol, or allow more.",
    )

    # -- exposure and size -----------------------------------------------------------------------------------

    EXPOSURE_SYMBOL_MAX = (
        "EXPOSURE_SYMBOL_MAX",
        "The exposure in the symbol would be too great.",
        "max_symbol_exposure_usdt",
        "Close or reduce, or allow more.",
    )
    EXPOSURE_TOTAL_MAX = (
        "EXPOSURE_TOTAL_MAX",
        "The account's exposure would be too great.",
        "max_total_exposure_usdt",
        "Close or reduce, or allow more.",
    )
    ALLOCATION_MAX = (
        "ALLOCATION_MAX",
        "The trader's exposure would exceed its allocation.",
        "allocation_usdt",
        "Close or reduce positions of the trader, or allot more.",
    )
    CORRELATION = (
        "CORRELATION",
        "The exposure in one direction whose returns move together would be too great.",
        "correlation_limit, correlation_window_candles, correlated_exposure_max_percent",
        "Trade symbols that move independently, or reduce the correlated positions.",
    )
    POSITION_SIZE_MAX = (
        "POSITION_SIZE_MAX",
        "The position would be too large (the tighter of amount and percent of equity).",
        "max_position_size_usdt, max_position_size_percent",
        "Ask for less, or allow larger positions; where the note is rollout_cap, make the rollout's clean trades.",
    )
    POSITION_SIZE_MIN = (
        "POSITION_SIZE_MIN",
        "What the limits leave for the position is too small; the note names the limit.",
        "min_position_size_usdt, risk_per_trade_percent",
        "Free what the note names, set a nearer stop, or risk more per trade.",
    )
    ORDER_SIZE_MAX = (
        "ORDER_SIZE_MAX",
        "The order would be too large.",
        "max_order_size_usdt",
        "Ask for less, or allow larger orders; where the note is rollout_cap, make the rollout's clean trades.",
    )
    BALANCE_INSUFFICIENT = (
        "BALANCE_INSUFFICIENT",
        "The account does not have enough free that no other order has reserved.",
        "",
        "Deposit, or wait until other entries end.",
    )
    FEE_RESERVE = (
        "FEE_RESERVE",
        "Fees are to be paid in BNB, and there is not enough free BNB for the next trades (in quote).",
        "pay_fees_in_bnb, bnb_reserve_trades",
        "Buy BNB, or pay fees in the received asset.",
    )

    # -- the orders ------------------------------------------------------------------------------------------

    EXIT_PRICES = (
        "EXIT_PRICES",
        "Stop or target is less than two ticks from the price that would trigger it at once.",
        "",
        "Set the stop further below bid and last price, the target further above the entry's limit price.",
    )
    OWN_ORDER_CROSSED = (
        "OWN_ORDER_CROSSED",
        "The entry could trade with a resting order of the same account.",
        "",
        "Wait until that order ends, or move it.",
    )
    ALGO_SLOTS = (
        "ALGO_SLOTS",
        "The symbol has no slot left for the stop and target (one stays free for replacements).",
        "",
        "Close a position in the symbol, or cancel external stop orders there.",
    )
    ORDER_SLOTS = (
        "ORDER_SLOTS",
        "The symbol has no room for more open orders or order lists.",
        "",
        "Cancel orders of the symbol.",
    )
    RATE_RESERVE = (
        "RATE_RESERVE",
        "Entries may use 60 % of the venue's limits, and none for a minute after it asked us to slow down.",
        "",
        "Wait; the rest belongs to exits.",
    )

    # -- the venue's filters ---------------------------------------------------------------------------------

    FILTER_PRICE_FILTER = (
        "FILTER_PRICE_FILTER",
        "A price of entry, stop or target is out of bounds or off the tick.",
        "",
        "Choose prices that the venue's PRICE_FILTER admits.",
    )
    FILTER_PERCENT_PRICE = (
        "FILTER_PERCENT_PRICE",
        "A limit price is within 2 % of the edge of the venue's price band, or beyond it.",
        "",
        "Choose prices nearer to the average price.",
    )
    FILTER_PERCENT_PRICE_BY_SIDE = (
        "FILTER_PERCENT_PRICE_BY_SIDE",
        "A limit price is within 2 % of the edge of its side's price band, or beyond it.",
        "",
        "Choose prices nearer to the average price.",
    )
    FILTER_LOT_SIZE = (
        "FILTER_LOT_SIZE",
        "The quantity of the entry, or of its exits after commission, is out of bounds or off the step.",
        "",
        "Ask for a quantity that the venue's LOT_SIZE admits.",
    )
    FILTER_MARKET_LOT_SIZE = (
        "FILTER_MARKET_LOT_SIZE",
        "The quantity is out of bounds for the market orders that will sell it.",
        "",
        "Ask for a quantity that the venue's MARKET_LOT_SIZE admits.",
    )
    FILTER_MIN_NOTIONAL = (
        "FILTER_MIN_NOTIONAL",
        "The entry, or the exit at its lowest price after commission, is worth too little to be sold (5 % margin).",
        "min_position_size_usdt",
        "Ask for more, or set a nearer stop.",
    )
    FILTER_NOTIONAL = (
        "FILTER_NOTIONAL",
        "The entry, or the exit at its lowest price after commission, is worth too little (5 % margin) or too much.",
        "min_position_size_usdt",
        "Ask for more (or less), or set a nearer stop.",
    )
    FILTER_TRAILING_DELTA = (
        "FILTER_TRAILING_DELTA",
        "The trailing distance is outside what the venue allows.",
        "",
        "Set the stop nearer or further, or trail without the venue.",
    )
    FILTER_MAX_POSITION = (
        "FILTER_MAX_POSITION",
        "The account would hold or have on order more of the asset than the venue allows.",
        "",
        "Sell some of the asset, or cancel buy orders.",
    )


SIGNAL_CODES = (
    DenialCode.SHORT_NOT_SUPPORTED,
    DenialCode.DUPLICATE_SIGNAL,
    DenialCode.SIGNAL_STALE,
    DenialCode.CONFIDENCE_TOO_LOW,
    DenialCode.STOP_LOSS_REQUIRED,
    DenialCode.STOP_LOSS_WRONG_SIDE,
    DenialCode.STOP_LOSS_TOO_FAR,
    DenialCode.TAKE_PROFIT_WRONG_SIDE,
)
"""Codes of checks about a signal: manual orders are not asked."""


def describe() -> list[tuple[str, str, str, str]]:
    """List (code, meaning, setting, remedy) of every code, in order."""
    return [(code.value, code.meaning, code.setting, code.remedy) for code in DenialCode]
