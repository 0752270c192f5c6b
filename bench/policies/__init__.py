"""What each policy that changes, versions, splits, validates or mirrors requests costs in the hop."""
