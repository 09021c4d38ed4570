"""The windows of the reader app; the only place, beside __main__, that imports Qt."""
