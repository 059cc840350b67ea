"""Everything an operator may set. The environment is read here and nowhere else."""

import contextlib
import os
from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Literal

import psycopg
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from inventory.store import database, server

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Settings(BaseSettings):
    """Read once at start-up, then passed down by value. Every name is prefixed with VOUCH_."""

    model_config = SettingsConfigDict(env_prefix="VOUCH_", frozen=True, extra="forbid")

    data_dir: Path = Field(
        default=Path(".vouch"), description="Folder of the embedded database, models and files."
    )
    # Not pydantic's PostgresDsn: it refuses a URL whose host is a Unix socket folder.
    database_url: str | None = Field(
        default=None,
        pattern=r"^postgres(ql)?://",
        description="PostgreSQL to use. Unset: an embedded server under `data_dir`.",
    )
    mlflow_tracking_uri: str | None = Field(
        default=None, description="MLflow to use. Unset: SQLite under `data_dir`."
    )
    host: str = Field(default="127.0.0.1", description="Address that `vouch serve` listens on.")
    port: int = Field(default=8080, ge=1, le=65535, description="Port of `vouch serve`.")
    workers: int = Field(default=1, ge=1, le=64, description="Server processes.")
    pool_size: int = Field(default=8, ge=1, le=64, description="Connections per server process.")
    horizon_days: int = Field(default=28, ge=1, le=365, description="How far ahead to forecast.")
    atp_horizon_days: int = Field(
        default=28, ge=1, le=365, description="How many days ahead availability is promised."
    )
    service_level: float = Field(
        default=0.95, gt=0, lt=1, description="Cycle service level where no rule says otherwise."
    )
    holding_cost_rate: float = Field(
        default=0.25, ge=0, description="Yearly holding cost as a share of unit cost, by default."
    )
    order_cost: float = Field(
        default=5.0, ge=0, description="Money per order line placed, where a SKU gives none."
    )
    policy_change_factor_max: float = Field(
        default=4.0,
        gt=1,
        description="A policy that grows or shrinks by more than this factor waits for a planner.",
    )
    refused_order_days: int = Field(
        default=7,
        ge=0,
        le=365,
        description="Days for which what a planner refused to order is not proposed again.",
    )
    abc_value_shares: tuple[float, float] = Field(
        default=(0.8, 0.95),
        description="Share of yearly value that A items turn over, and that A and B items do.",
    )
    xyz_variations: tuple[float, float] = Field(
        default=(0.5, 1.0),
        description="Variation of weekly sales up to which an item is X, and up to which it is Y.",
    )
    events_kept_days: int = Field(
        default=30, ge=1, le=3650, description="Days for which events can be read again."
    )
    forecasts_kept_days: int = Field(
        default=120,
        ge=90,
        le=3650,
        description="Days for which forecasts that were replaced are kept, to be judged by.",
    )
    train_every_days: int = Field(
        default=7, ge=1, le=365, description="Days after which the daily job trains anew."
    )
    train_weekday: Weekday | None = Field(
        default=None, description="Day on which it trains, e.g. sunday. Unset: any."
    )
    daily_at: time | None = Field(
        default=None, description="UTC time at which `vouch serve` runs the daily job, e.g. 05:30."
    )
    monitor_days: int = Field(
        default=21, ge=7, le=90, description="Days whose forecasts monitoring judges together."
    )
    monitor_wape_over_naive_max: float = Field(
        default=1.0,
        gt=0,
        description="Error over that of the naive forecast, above which it tells.",
    )
    monitor_bias_max: float = Field(
        default=0.1, gt=0, description="Bias, as a share of demand, above which it tells."
    )
    monitor_coverage_tolerance: float = Field(
        default=0.02, ge=0, lt=0.5, description="By how much the 0.95 quantile may cover less."
    )
    monitor_psi_max: float = Field(
        default=0.25, gt=0, description="Population stability index above which an input drifted."
    )
    retrain_after_days: int = Field(
        default=3,
        ge=0,
        le=365,
        description="Days between trainings for a breach. 0: never for one.",
    )
    company_name: str = Field(
        default="", description="Our name on orders to vendors; unset: no order is sent."
    )
    company_address: str = Field(
        default="", description="Our address on orders, its lines separated by semicolons."
    )
    currency: str = Field(
        default="EUR", pattern="^[A-Z]{3}$", description="Currency of costs and orders, ISO 4217."
    )
    dispatch_alert_minutes: int = Field(
        default=30,
        ge=0,
        le=10_080,
        description="Minutes for which an order may fail to reach its vendor before an alert.",
    )
    dispatch_alert_minutes_critical: int = Field(
        default=5, ge=0, le=10_080, description="The same for a critical order, where that is less."
    )
    smtp_host: str | None = Field(
        default=None, description="Mail server for orders and alerts. Unset: no mail is sent."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How to speak to it; none only on a network of one's own."
    )
    smtp_user: str | None = Field(default=None, description="Name to sign in with, if it asks.")
    smtp_password: SecretStr | None = Field(default=None, description="Password to sign in with.")
    mail_from: str | None = Field(
        default=None, description="Address that mail comes from, e.g. orders@example.com."
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Secret from which each receiver's signing secret is made.",
    )
    edi_id: str | None = Field(
        default=None, description="Our id in interchanges. Unset: no EDI is sent or read."
    )
    edi_qualifier: str = Field(
        default="ZZ", pattern="^[A-Z0-9]{0,4}$", description="Who gave that id; ZZ: agreed."
    )
    sftp_key_file: Path | None = Field(
        default=None, description="Private key with which we sign in to SFTP servers of vendors."
    )
    sftp_passwords: dict[str, SecretStr] = Field(
        default={}, description='Passwords for SFTP by vendor, as JSON: {"ACME": "..."}.'
    )
    explain: bool = Field(
        default=True, description="Whether forecasting keeps why each forecast is what it is."
    )
    seed: int = Field(default=7, description="Seed of everything random.")
    threads: int = Field(
        default=os.cpu_count() or 1, ge=1, description="Threads that training may use."
    )

    @property
    def tracking_uri(self) -> str:
        """Where MLflow keeps runs and the registry."""
        if self.mlflow_tracking_uri:
            return self.mlflow_tracking_uri
        return f"sqlite:///{self.data_dir.absolute() / 'mlflow.db'}"

    @property
    def artifact_root(self) -> Path:
        """Folder of models and plots."""
        return self.data_dir.absolute() / "mlartifacts"


@contextlib.contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """The URL of the database in use; starts the embedded server where none is set."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with server.running(settings.data_dir) as url:
        yield url


def own_connection(settings: Settings) -> psycopg.Connection:
    """An open connection to the database that settings name, beside those of any pool.

    For work that may take long: promises need the connections of a server's pool.
    """
    assert settings.database_url is not None, "who holds the embedded server names it"
    return database.connect(settings.database_url)
