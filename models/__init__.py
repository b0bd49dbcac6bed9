"""SONiC's tables as records, and the codec between records and what Redis holds."""
