"""What is due now and who does it; is handed the steps, knows none."""
