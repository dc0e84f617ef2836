: A spike is the end of the step in which v rises above the level; at t = 0 it is only looked where v is.

NEURON {
    POINT_PROCESS CoincideCrossing
    RANGE level, above
    THREADSAFE
}

PARAMETER {
    level = 0
}

ASSIGNED {
    v
    above
}

INITIAL {
    above = 0
    if (v > level) {
        above = 1
    }
}

BREAKPOINT {
    SOLVE look METHOD after_cvode
}

PROCEDURE look() {
    LOCAL now
    now = 0
    if (v > level) {
        now = 1
    }
    if (now == 1 && above == 0) {
VERBATIM
        net_event(_ppvar[1].get<Point_process*>(), t);  // t is the end of the step here
ENDVERBATIM
    }
    above = now
}

NET_RECEIVE(w) {
    : Never received; but only what has a net_event here can be the source of a NetCon.
    net_event(t)
}
