"""Settings of a command: models whose fields are the one place where a setting is declared.

A field says its YAML key, type, default and meaning; `Flag`, `Kind` and `Unset` in its annotation say how it is given
on the command line and shown to a person. Options, `coma settings` and the checks of YAML files are made from that.
"""

from coma_cli.flags import Completer, Flag, Kind, Unset
from coma_cli.settings.keys import SettingKey, all_keys, setting_keys
from coma_cli.settings.loading import load_settings
from coma_cli.settings.models import (
    MOST_SEED,
    SETTINGS_CONFIG,
    AllowPickle,
    Device,
    Dtype,
    PushToHub,
    Runtime,
    StageSettings,
    TrustRemoteCode,
    Workers,
)

__all__ = [
    "MOST_SEED",
    "SETTINGS_CONFIG",
    "AllowPickle",
    "Completer",
    "Device",
    "Dtype",
    "Flag",
    "Kind",
    "PushToHub",
    "Runtime",
    "SettingKey",
    "StageSettings",
    "TrustRemoteCode",
    "Unset",
    "Workers",
    "all_keys",
    "load_settings",
    "setting_keys",
]
