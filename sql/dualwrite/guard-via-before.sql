  -- Before parents are looked at: whoever moves a unit waits for those who may have read a parent as it was.
  PERFORM pg_advisory_xact_lock_shared(:lock_class, :via_lock);
