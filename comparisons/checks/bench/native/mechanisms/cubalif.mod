COMMENT
Current-based leaky integrate-and-fire cell, benchmark 2 of Brette et al. (2007).
Synaptic currents are in mV (divided by the leak conductance); inhibition has a negative weight.
While refractory, a very large conductance holds vm at V_reset.
ENDCOMMENT

NEURON {
    POINT_PROCESS CubaLIF
    RANGE tau_m, E_L, V_th, V_reset, t_ref, tau_e, tau_i, vm_init, ge_init, gi_init, g_ref
    THREADSAFE
}
PARAMETER {
    tau_m = 20 (ms)
    E_L = -49 (mV)
    V_th = -50 (mV)
    V_reset = -60 (mV)
    t_ref = 5 (ms)
    tau_e = 5 (ms)
    tau_i = 10 (ms)
    vm_init = -60 (mV)
    ge_init = 0
    gi_init = 0
}
ASSIGNED { g_ref }
STATE { vm (mV) ge gi }
INITIAL {
    vm = vm_init
    ge = ge_init
    gi = gi_init
    g_ref = 0
    net_send(0, 1)
}
BREAKPOINT { SOLVE states METHOD cnexp }
DERIVATIVE states {
    vm' = (ge + gi - (vm - E_L) - g_ref*(vm - V_reset))/tau_m
    ge' = -ge/tau_e
    gi' = -gi/tau_i
}
NET_RECEIVE(w) {
    if (flag == 0) {
        if (w > 0) {
            ge = ge + w
        } else {
            gi = gi + w
        }
    } else if (flag == 1) {
        WATCH (vm > V_th) 2
    } else if (flag == 2) {
        net_event(t)
        vm = V_reset
        g_ref = 1e9
        net_send(t_ref, 3)
    } else {
        vm = V_reset
        g_ref = 0
        WATCH (vm > V_th) 2
    }
}
