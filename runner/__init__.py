"""The runner: it binds the machines of ``hamgr_fsm`` to SONiC's databases. It holds no rule of HA."""
