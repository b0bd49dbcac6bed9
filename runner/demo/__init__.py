"""The demonstration: real processes, private Redis servers, a simulated DPU and a simulated controller."""
