"""Forecasts on published readings and emptyings, beside the forecasts that anybody could make."""
