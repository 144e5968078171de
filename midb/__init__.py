"""midb-agent: finds and repairs defects in multilingual instruction data, pair by pair, and logs every change."""

__version__ = "0.1.0"
