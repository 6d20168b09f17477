"""Ratios, never bare figures: what Leja does beside a floor or a peer, measured in the same run on the same machine."""
