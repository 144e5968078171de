"""BLEnD: short questions about everyday life, answered by models and held against what people of a country say."""
